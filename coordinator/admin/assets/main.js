// What every page has.
import './actions.js';
import './copy.js';
import './dialog.js';
import './live.js';
import './times.js';
