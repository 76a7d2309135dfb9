import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { systemRandom } from '../../shared/random.ts';
import { refuseSecondCoordinator } from '../admin/link-socket.ts';
import { cliActor, type DataOptions, tell, withData, withJson, withStore } from './options.ts';

export function backupCommand(): Command {
  return new Command('backup')
    .description('copies of the database, to keep and to go back to')
    .addCommand(createCommand())
    .addCommand(restoreCommand());
}

function createCommand(): Command {
  return withJson(withData(new Command('create')))
    .description(
      'copy the database to a file, also while the coordinator serves; the file is as secret as the database',
    )
    .argument('<file>', 'a new one')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator backup create warren-backup.db --data /var/lib/warren-coordinator',
    )
    .action(async (file: string, options: DataOptions & { json: boolean }) => {
      const path = resolve(file);
      await withStore(options, (store) => store.backUp(path, Date.now(), cliActor()));
      tell(options, `${file} is a copy of the database, and as secret`, { file: path });
    });
}

function restoreCommand(): Command {
  return withJson(withData(new Command('restore')))
    .description('go back to a backup; the coordinator must not be serving')
    .argument('<file>', 'what backup create or the admin page made')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator backup restore warren-backup.db --data /var/lib/warren-coordinator',
    )
    .action(async (file: string, options: DataOptions & { json: boolean }) => {
      if (options.database !== undefined) {
        throw new WarrenError('unsupported', 'a PostgreSQL database is restored by its own tools', {
          hint: 'use pg_restore or psql',
        });
      }
      const [{ restoreFile }, { applyRestore }] = await Promise.all([
        import('../backups.ts'),
        import('../store/sqlite/restore.ts'),
      ]);
      await refuseSecondCoordinator(options.data);
      await restoreFile(file, options.data, cliActor(), { random: systemRandom, now: Date.now() });
      const hadDatabase = existsSync(join(options.data, 'warren.db'));
      applyRestore(options.data);
      const replaced = hadDatabase ? join(resolve(options.data), 'warren.db.replaced') : null;
      const kept = hadDatabase ? 'what was there before is warren.db.replaced beside it, and ' : '';
      tell(options, `restored; ${kept}\`coordinator serve\` goes on from the backup`, {
        file: resolve(file),
        replaced,
      });
    });
}
