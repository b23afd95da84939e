// The private registry's files: which servers ship with Drawbridge, and what each one lists. A
// server named here is trusted with the caller's identity, so everything is validated on reading.
export { findPackageRoot } from './package-root.ts';
export {
  definitionSchema,
  listServers,
  loadDefinition,
  serverManifestSchema,
  type ServerListing,
  type ServerManifest,
} from './registry.ts';
