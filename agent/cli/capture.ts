import { Command, InvalidArgumentError } from 'commander';
import { withState } from './options.ts';
import type { CaptureOptions } from './run-capture.ts';

/** `bin/agent capture`: what the mesh carries, decrypted, with the peers' names. */
export function captureCommand(): Command {
  return withState(new Command('capture'))
    .description(
      'show or write the packets of this host in the mesh, decrypted, with the name of the peer on each',
    )
    .option('--peer <name>', 'only to and from this one')
    .option(
      '-w, --write <file>',
      'write a pcapng file, for Wireshark and tshark, instead; - is standard output',
    )
    .option('-c, --count <packets>', 'end after so many', count)
    .addHelpText(
      'after',
      `
Examples:
  bin/agent capture --peer db1
  bin/agent capture -w mesh.pcapng
  bin/agent capture -w - | wireshark -k -i -

Ctrl-C ends it.`,
    )
    .action(async (options: CaptureOptions) => {
      const { capture } = await import('./run-capture.ts');
      await capture(options);
    });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a number from 1.');
  return Number(text);
}
