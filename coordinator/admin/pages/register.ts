import type { Hono } from 'hono';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { registerAccount } from './account.ts';
import { registerApiKeys } from './api-keys.ts';
import { registerDevices } from './devices.ts';
import { registerJoining } from './joining.ts';
import { registerMachine } from './machine.ts';
import { registerMachines } from './machines.ts';
import { registerMap } from './map/register.ts';
import { registerNames } from './names.ts';
import { registerNotFound } from './not-found.ts';
import { registerAdministrationPages } from './register-administration.ts';
import { registerPolicyPages } from './register-policy.ts';
import { registerRoutes } from './routes.ts';
import { registerUsers } from './users.ts';

/** The pages of the network. Whoever gets here was let in by the authentication. */
export function registerPages(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  registerMachines(app, dependencies);
  registerMachine(app, dependencies);
  registerJoining(app, dependencies);
  registerDevices(app, dependencies);
  registerRoutes(app, dependencies);
  registerNames(app, dependencies);
  registerMap(app, dependencies);
  registerPolicyPages(app, dependencies);
  registerAdministrationPages(app, dependencies);
  registerAccount(app, dependencies);
  registerUsers(app, dependencies);
  registerApiKeys(app, dependencies);
  registerNotFound(app);
}
