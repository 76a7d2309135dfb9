import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { z } from 'zod';
import { writeFileAtomically } from '../../shared/atomic-file.ts';

/** What was there before, and what was put in its place: kept on disk, so that a crash loses nothing. */
const backupSchema = z.object({
  version: z.literal(1),
  path: z.string(),
  /** Where the symbolic link led; null for none. */
  link: z.string().nullable(),
  /** The file's text; null for a link, or where there was no file. */
  content: z.string().nullable(),
  mode: z.number().int(),
  /** The newest text, and the one before: a kill may have come between telling and writing. */
  written: z.array(z.string()),
});
type Backup = z.infer<typeof backupSchema>;

/** /etc/resolv.conf, taken over and given back. Everything is synchronous: it is small, and an exit must not come in between. */
export class ResolvConfFile {
  readonly #path: string;
  readonly #backupPath: string;

  /** `backupPath` is in the agent's own folder. */
  constructor(path: string, backupPath: string) {
    this.#path = path;
    this.#backupPath = backupPath;
  }

  /** Whether what is there now was written by this agent, running or killed. */
  get isOurs(): boolean {
    const backup = this.#backup();
    return backup !== null && isWritten(this.#read(), backup);
  }

  /** What the host had, or has, of its own: through a link always what is there now. */
  hostText(): string {
    const backup = this.#backup();
    if (backup === null || !isWritten(this.#read(), backup)) return this.#read() ?? '';
    if (backup.link === null) return backup.content ?? '';
    return readText(absolute(this.#path, backup.link)) ?? '';
  }

  /** Puts `text` there. What somebody else has written since is what the host has from now on. Throws errors of the file system. */
  take(text: string): void {
    const before = this.#backup();
    const now = this.#read();
    if (before !== null && isWritten(now, before)) {
      if (text === now) return;
      this.#save({ ...before, written: [text, before.written[0] as string] });
      this.#put(text, before.mode);
      return;
    }
    const isLink = lstatSync(this.#path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    const mode = existsSync(this.#path) ? statSync(this.#path).mode & 0o777 : 0o644;
    this.#save({
      version: 1,
      path: this.#path,
      link: isLink ? readlinkSync(this.#path) : null,
      content: isLink ? null : now,
      mode: isLink ? 0o644 : mode,
      written: [text],
    });
    this.#put(text, isLink ? 0o644 : mode);
  }

  /** Puts back what was there, unless somebody else has written since; whether it did. */
  restore(): boolean {
    const backup = this.#backup();
    if (backup === null) return false;
    const isOurs = isWritten(this.#read(), backup);
    if (isOurs) {
      if (backup.link !== null) this.#replace((draft) => symlinkSync(backup.link as string, draft));
      else if (backup.content === null) rmSync(this.#path, { force: true });
      else this.#put(backup.content, backup.mode);
    }
    rmSync(this.#backupPath, { force: true });
    return isOurs;
  }

  #put(text: string, mode: number): void {
    try {
      this.#replace((draft) => {
        writeFileSync(draft, text, { mode });
        chmodSync(draft, mode);
      });
    } catch (error) {
      // A container's file is mounted by itself, and cannot be replaced: then it is written in place.
      if (!['EBUSY', 'EXDEV', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      writeFileSync(this.#path, text);
    }
  }

  #replace(make: (draft: string) => void): void {
    const draft = `${this.#path}.warren-${process.pid}`;
    try {
      rmSync(draft, { force: true });
      make(draft);
      renameSync(draft, this.#path);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #read(): string | null {
    return readText(this.#path);
  }

  #backup(): Backup | null {
    const text = readText(this.#backupPath);
    if (text === null) return null;
    try {
      const backup = backupSchema.parse(JSON.parse(text));
      return backup.path === this.#path ? backup : null;
    } catch {
      // One that cannot be read restores nothing, and is replaced by the next.
      return null;
    }
  }

  #save(backup: Backup): void {
    writeFileAtomically(this.#backupPath, `${JSON.stringify(backup)}\n`);
  }
}

/** Also in part: writing in place can be cut off. */
function isWritten(text: string | null, { written }: Backup): boolean {
  return text !== null && written.some((each) => each.startsWith(text));
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

function absolute(path: string, link: string): string {
  return link.startsWith('/') ? link : `${path.slice(0, path.lastIndexOf('/'))}/${link}`;
}
