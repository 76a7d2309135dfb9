// Light, dark, or as the system has it; remembered by this browser. Not a module, so that it runs before anything is painted.
(() => {
  const KEY = 'warren-theme';
  const NEXT = { system: 'light', light: 'dark', dark: 'system' };
  const read = () => {
    try {
      return localStorage.getItem(KEY) ?? 'system';
    } catch {
      return 'system'; // storage is switched off
    }
  };
  let theme = read() in NEXT ? read() : 'system';
  const show = () => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll('[data-theme-switch] span')) {
      button.textContent = `Theme: ${theme}`;
    }
  };
  show();
  document.addEventListener('DOMContentLoaded', show);
  document.addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-theme-switch]')) return;
    theme = NEXT[theme];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Then for this page only.
    }
    show();
    document.dispatchEvent(new Event('warren:theme'));
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    document.dispatchEvent(new Event('warren:theme')),
  );
})();
