/**
 * Everything under /api/v1, one resource a file. To add one:
 * 1. In a file of its own, describe each operation by `createRoute` with zod schemas (`answers`, `done` and `body` of answers.ts
 *    for the usual; `Paging`, `pageOf` and `pageAfter` of cursor.ts for lists; `strictObject` for bodies, so that a misspelt field
 *    is told), and export `addX(api, dependencies)`, which gives them to `api.openapi(route, handler)`. The OpenAPI document, 405
 *    and 415 follow from the description.
 * 2. Handlers return `context.json(value, status)` and throw for all else: a WarrenError becomes a problem by the table of
 *    problem.ts, `InvalidField` one that names its field. Changes go through one method of the store with `context.get('actor')`;
 *    after `checkIfMatch` inside the transaction where two people may edit one thing.
 * 3. Add it to the list below, and its path to the table of permissions.ts.
 */
import type { AdminDependencies } from '../dependencies.ts';
import { addAccount } from './account.ts';
import { addAccountConfirmation } from './account-confirmation.ts';
import { addAccountSessions } from './account-sessions.ts';
import { addAdvertisedRoutes } from './advertised-routes.ts';
import { type AddResource, type Api, createApi } from './api.ts';
import { addApiKeys } from './api-keys.ts';
import { addAudit } from './audit.ts';
import { addBackups } from './backups.ts';
import { addDevices } from './devices.ts';
import { addEvents } from './events.ts';
import { addGrants } from './grants.ts';
import { addMachineHistory } from './machine-history.ts';
import { addMachines } from './machines.ts';
import { addMe } from './me.ts';
import { addMesh } from './mesh.ts';
import { addPolicy } from './policy.ts';
import { addPolicyQuestions } from './policy-questions.ts';
import { addRelays } from './relays.ts';
import { addSettings } from './settings.ts';
import { addTokens } from './tokens.ts';
import { addUsers } from './users.ts';

const RESOURCES: readonly AddResource[] = [
  addMe,
  addAccount,
  addAccountSessions,
  addAccountConfirmation,
  addUsers,
  addApiKeys,
  addMachines,
  addGrants,
  addAdvertisedRoutes,
  addTokens,
  addDevices,
  addMesh,
  addMachineHistory,
  addPolicy,
  addPolicyQuestions,
  addAudit,
  addSettings,
  addRelays,
  addBackups,
  addEvents,
];

/** Whoever gets here was let in by the authentication, for this method and path. */
export function apiRoutes(dependencies: AdminDependencies): Api {
  return createApi(dependencies, RESOURCES);
}
