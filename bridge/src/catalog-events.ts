// Changes of the catalog, and definitions that an operator allowed, as events of the bridge's own run.
import type { Logger } from 'pino';
import type { ApprovalsOptions } from './catalog/approvals.ts';
import type { DiscoveryOptions } from './catalog/discovery.ts';
import type { BridgeRun } from './runs/bridge-run.ts';

export interface CatalogEvents {
  readonly onChange: DiscoveryOptions['onChange'];
  readonly onAllow: ApprovalsOptions['onAllow'];
}

/** Definitions that an event of their approval names. */
const NAMED_APPROVALS = 100;

export function createCatalogEvents(run: Pick<BridgeRun, 'append'>, logger: Logger): CatalogEvents {
  return {
    onChange(change) {
      const { upstream, added, removed, changed, more, leftOut } = change;
      const counts = {
        added: added.length + (more?.added ?? 0),
        removed: removed.length + (more?.removed ?? 0),
        changed: changed.length + (more?.changed ?? 0),
        leftOut,
      };
      logger.info({ server: upstream, ...counts }, 'the catalog changed');
      run
        .append({ type: 'catalog.changed', payload: change })
        .catch((error: unknown) =>
          logger.error({ err: error }, 'a change of the catalog was not recorded'),
        );
    },
    async onAllow(upstream, keys, by) {
      const count = keys.length;
      logger.info({ server: upstream, by, count }, 'withheld definitions were allowed');
      const definitions = keys.slice(0, NAMED_APPROVALS);
      await run.append({
        type: 'catalog.allowed',
        payload: { upstream, by, count, definitions },
      });
    },
  };
}
