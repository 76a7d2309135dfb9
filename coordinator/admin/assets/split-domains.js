// Adds a domain with its resolvers to those that there are; one that is there gets the new resolvers.
import { ApiError, api } from './api.js';
import { formData } from './form-data.js';
import { clearErrors, showErrors } from './form-errors.js';
import { refresh } from './live.js';
import { toast } from './toast.js';

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (form.id !== 'add-domain') return;
  event.preventDefault();
  clearErrors(form);
  const added = formData(form);
  let kept = [];
  try {
    await untilUnchanged(async () => {
      const { data, etag } = await api('GET', '/settings');
      kept = data.dns.split.filter(({ domain }) => domain !== added.domain);
      await api('PATCH', '/settings', { dns: { split: [...kept, added] } }, { ifMatch: etag });
    });
    form.reset();
    toast(`${added.domain} has resolvers of its own`);
    await refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The API speaks of the whole list; here the last of it is what was typed.
    const prefix = `dns.split.${kept.length}.`;
    for (const one of error.errors) {
      if (String(one.path).startsWith(prefix)) one.path = one.path.slice(prefix.length);
    }
    showErrors(form, error);
  }
});

/** Does it anew while somebody else was faster. */
async function untilUnchanged(change) {
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
    }
  }
}
