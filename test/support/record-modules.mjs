// `node --import` of this: the URLs of all modules that a program loads, one a line, in the file $WARREN_MODULES at its end.
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const urls = [];
registerHooks({
  load(url, context, next) {
    urls.push(url);
    return next(url, context);
  },
});
process.on('exit', () => writeFileSync(process.env.WARREN_MODULES, urls.join('\n')));
