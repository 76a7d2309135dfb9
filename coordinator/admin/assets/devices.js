// Shows the file of a device that was just handed out, once.
const place = document.getElementById('given');

document.addEventListener('warren:done', (event) => {
  const answer = event.detail?.data;
  if (!event.target.closest('[data-gives-file]') || typeof answer?.file !== 'string') return;
  show(answer);
});

function show({ device, file, hasKey, qr }) {
  const content = document.getElementById('given-file').content.cloneNode(true);
  const find = (selector) => content.querySelector(selector);
  find('[data-name]').textContent = device.name;
  find(hasKey ? '[data-without-key]' : '[data-with-key]').remove();
  find('[data-file]').textContent = file;
  const picture = qr ? pictureOf(qr, device.name) : null;
  if (picture) find('[data-qr]').append(picture);
  else find('[data-qr]').remove();
  const url = URL.createObjectURL(new Blob([file], { type: 'text/plain' }));
  const save = find('[data-save]');
  save.href = url;
  // wg-quick names the interface after the file: 15 characters at most.
  save.download = `${device.name.slice(0, 15)}.conf`;
  find('[data-done]').addEventListener('click', () => {
    URL.revokeObjectURL(url);
    place.hidden = true;
    place.replaceChildren();
  });
  place.replaceChildren(content);
  place.hidden = false;
  place.focus();
  place.scrollIntoView({ block: 'start' });
}

function pictureOf(svg, name) {
  const picture = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  if (picture.nodeName !== 'svg') return null;
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', `QR code of the file of ${name}`);
  return document.importNode(picture, true);
}
