/** The name in every coordinator's server certificate, whatever address it is reached at: the pin makes it the right one. */
export const COORDINATOR_TLS_NAME = 'coordinator.warren.internal';
