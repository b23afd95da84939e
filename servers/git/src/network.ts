// The way to remotes: a proxy of the network guard for each command. Loaded when the first remote is
// reached, because most calls reach none.
import { ToolError } from '@drawbridge/kit';
import type { OpenProxy } from '@drawbridge/git-runner';
import type { NetworkGuard } from '@drawbridge/network-guard';

/** `env` names the private hosts that the operator allows. */
export function createNetwork(env: NodeJS.ProcessEnv): OpenProxy {
  let guard: Promise<NetworkGuard> | undefined;
  const load = async (): Promise<NetworkGuard> => {
    const { createNetworkGuard, parseAllowedHosts } = await import('@drawbridge/network-guard');
    try {
      return createNetworkGuard({ allowHosts: parseAllowedHosts(env['DRAWBRIDGE_ALLOW_HOSTS']) });
    } catch (error) {
      // It says which entry is wrong.
      throw new ToolError(error instanceof Error ? error.message : String(error), {
        hint: 'the operator can correct DRAWBRIDGE_ALLOW_HOSTS',
      });
    }
  };
  return async (onRefused) => {
    guard ??= load();
    return (await guard).openProxy({ onRefused: ({ error }) => onRefused(error) });
  };
}
