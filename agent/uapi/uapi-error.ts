/** Values of errno (Linux) that answers carry, negated, as wireguard-go gives them and wg(8) expects them. */
export const EIO = 5;
export const EINVAL = 22;
export const EPROTO = 71;
export const EADDRINUSE = 98;

/** A request that cannot be carried out, with the errno that says so. */
export class UapiError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}
