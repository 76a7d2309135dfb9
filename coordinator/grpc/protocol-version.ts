import { WarrenError } from '../../shared/errors.ts';
import { NEWEST_PROTOCOL_VERSION, OLDEST_PROTOCOL_VERSION } from '../../shared/version.ts';

/** Refuses agents whose protocol this coordinator does not speak, saying which end is to be updated. */
export function checkProtocolVersion(version: number): void {
  if (version >= OLDEST_PROTOCOL_VERSION && version <= NEWEST_PROTOCOL_VERSION) return;
  const [older, newer] =
    version > NEWEST_PROTOCOL_VERSION ? ['coordinator', 'agent'] : ['agent', 'coordinator'];
  throw new WarrenError(
    'incompatible',
    `the agent speaks protocol version ${version}, this coordinator ${OLDEST_PROTOCOL_VERSION} to ${NEWEST_PROTOCOL_VERSION}`,
    { hint: `the ${newer} is newer: update the ${older}` },
  );
}
