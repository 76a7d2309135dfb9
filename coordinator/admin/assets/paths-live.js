// What agents tell of their paths is in no event of /events: parts of the page that show it (data-live-on="paths") are fetched
// again every few seconds while somebody looks.
import { refresh } from './live.js';

setInterval(() => {
  if (!document.hidden) void refresh('paths');
}, 4_000);
