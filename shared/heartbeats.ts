/** On streams between the coordinator and its nodes and relays, both ends, milliseconds: something is sent at least this often … */
export const HEARTBEAT_INTERVAL = 5_000;
/** … and an end that was silent for three times as long is away. */
export const SILENCE_LIMIT = 3 * HEARTBEAT_INTERVAL;
