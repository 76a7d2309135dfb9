import type { Access } from './access.ts';
import { removeIfAway, removeNode, renameNode, setKeyExpiry, setTags } from './administration.ts';
import type { NodeStore } from './contract/nodes.ts';
import { changeNode } from './node-standing.ts';
import { findNode, listNodes, nodeById } from './nodes.ts';
import { clearOnline, hasPresence, setOnline } from './presence.ts';
import { isNewReport, putReport } from './reports.ts';

/** The nodes of the network, over either engine. */
export function sqlMembers({ engine, read, change }: Access): NodeStore {
  return {
    node: (id) => read((db) => nodeById(db, id)),
    findNode: (nameOrId) => read((db) => findNode(db, nameOrId)),
    listNodes: () => read(listNodes),
    async putReport(nodeId, report, now) {
      if (!(await read(() => isNewReport(engine, nodeId, report)))) return;
      await change((within) => putReport(within, nodeId, report, now));
    },
    setOnline: (nodeId, instance, online, now) =>
      change((within) => setOnline(within, nodeId, instance, online, now)),
    async clearOnline(instance, now) {
      if (!(await read((db) => hasPresence(db, instance)))) return;
      await change((within) => clearOnline(within, instance, now));
    },
    changeNode: (nodeId, patch, now, by, check) =>
      change((within) => changeNode(within, nodeId, patch, { ...by, now }, check)),
    setTags: (nodeId, tags, now, by) => change((within) => setTags(within, nodeId, tags, { ...by, now })),
    renameNode: (nodeId, name, now, by) =>
      change((within) => renameNode(within, nodeId, name, { ...by, now })),
    setKeyExpiry: (nodeId, expiresAt, now, by) =>
      change((within) => setKeyExpiry(within, nodeId, expiresAt, { ...by, now })),
    removeNode: (nodeId, now, by) => change((within) => removeNode(within, nodeId, { ...by, now })),
    removeIfAway: (nodeId, since, now, by) =>
      change((within) => removeIfAway(within, nodeId, since, { ...by, now })),
  };
}
