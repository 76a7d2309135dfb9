import { WarrenError } from '../shared/errors.ts';
import type { Metrics } from './metrics.ts';
import type { Store } from './store/store.ts';

/** A store whose operations are measured; in all else it is the one given. */
export function measuredStore(store: Store, metrics: Metrics): Store {
  const wrapped = new Map<string | symbol, unknown>();
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      let method = wrapped.get(name);
      if (method === undefined) {
        method = (...values: unknown[]) => {
          const began = performance.now();
          const result: unknown = value.apply(target, values);
          if (result instanceof Promise) {
            const ended = (error: unknown) =>
              metrics.storeOperation(String(name), (performance.now() - began) / 1_000, codeOf(error));
            result.then(() => ended(null), ended);
          }
          return result;
        };
        wrapped.set(name, method);
      }
      return method;
    },
  });
}

function codeOf(error: unknown): string | null {
  if (error === null) return null;
  return error instanceof WarrenError ? error.code : 'internal';
}
