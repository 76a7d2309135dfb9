/** The colour that a custom property of style.css has now, as `rgb(…)`, for what is drawn on a canvas. */
export function colour(property) {
  const probe = document.createElement('span');
  probe.hidden = true;
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Calls back when the theme changed, by the switch or by the system. */
export function onThemeChange(callback) {
  document.addEventListener('warren:theme', callback);
}
