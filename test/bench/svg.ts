/** What the pictures of the benchmark have in common: colours for light and dark pages. */

const STYLE = `
  .ground { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .note { fill: #59636e }
  .ours { fill: #0969da }
  .theirs { fill: #afb8c1 }
  .whisker { stroke: #59636e; stroke-width: 1.5 }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .our-line { stroke: #0969da }
  .our-dot { fill: #0969da }
  .their-dot { fill: #8c959f }
  .their-line { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .ours { fill: #4493f8 }
    .theirs { fill: #5a636e }
    .whisker { stroke: #9198a1 }
    .grid { stroke: #2a313c }
    .our-line { stroke: #4493f8 }
    .our-dot { fill: #4493f8 }
    .their-dot { fill: #6e7781 }
    .their-line { stroke: #6e7781 }
    .ground { fill: #0d1117 }
  }`;

export const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A whole picture. `description` is for those who do not see it. */
export function svg(width: number, height: number, description: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(description)}">
<style>${STYLE}
</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
${content}
</svg>
`;
}
