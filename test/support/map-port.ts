/** Keeps a UDP port mapped as the agent does, until SIGTERM: `map-port.ts PORT`. Each change is a line of JSON. */
import { PortMapper } from '../../agent/port-mapping/port-mapper.ts';
import { createLogger } from '../../shared/log.ts';

const mapper = new PortMapper(
  'warren0',
  (mapping) => process.stdout.write(`${JSON.stringify(mapping)}\n`),
  createLogger('debug', 'map-port'),
);
mapper.setPort(Number(process.argv[2]));
const alive = setInterval(() => {}, 60_000);
process.once('SIGTERM', async () => {
  await mapper.close();
  clearInterval(alive);
});
