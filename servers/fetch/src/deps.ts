// What the tools share. All of it is made when the first call needs it.
import { createNetworkGuard } from '@drawbridge/network-guard';
import { createConverter, type Converter } from './converter.ts';
import { createDocuments, type Documents } from './documents.ts';
import { createRetrieve, type Retrieve } from './retrieve.ts';
import { parseSettings, type Settings } from './settings.ts';

export interface Deps {
  settings: Settings;
  retrieve: Retrieve;
  converter: Converter;
  documents: Documents;
}

/** @throws ToolError when a setting cannot be read */
export function createDeps(env: NodeJS.ProcessEnv): Deps {
  const settings = parseSettings(env);
  const guard = createNetworkGuard({ allowHosts: settings.allowHosts });
  const converter = createConverter(settings.convertTimeoutMs);
  return {
    settings,
    retrieve: createRetrieve(guard, settings),
    converter,
    documents: createDocuments(converter),
  };
}
