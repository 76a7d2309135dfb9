import type { Logger } from '../../shared/log.ts';
import type { NetworkWatch } from '../network-watch.ts';
import type { OutsideHosts } from '../outside-hosts.ts';
import type { PathKeeper } from '../path-keeper.ts';
import type { RouterKeeper } from '../router-keeper.ts';
import type { TimestampKeeper } from '../timestamp-keeper.ts';
import type { TunnelNews } from '../tunnel/commands.ts';
import type { CoordinatorLink } from './coordinator-link.ts';
import type { RelayLink } from './relay-link.ts';

/** Whom the tunnel's worker has something to say to. */
export interface NewsReaders {
  network: Pick<NetworkWatch, 'changed'>;
  relays: Pick<RelayLink, 'send'>;
  routers: Pick<RouterKeeper, 'reached'>;
  outside: Pick<OutsideHosts, 'pathChanged'>;
  paths: Pick<PathKeeper, 'news'>;
  coordinator: Pick<CoordinatorLink, 'pathsChanged'>;
  timestamps: Pick<TimestampKeeper, 'sent'>;
  log: Logger;
}

/** Hands what the tunnel's worker tells to whom it concerns. */
export function spreadNews(news: TunnelNews, to: NewsReaders): void {
  if (news.event === 'network-changed') to.network.changed();
  else if (news.event === 'relay') to.relays.send(news);
  else if (news.event === 'router') to.routers.reached(news.publicKey, news);
  else if (news.event === 'device' && news.device.kind === 'timestamp-sent')
    to.timestamps.sent(news.device.timestamp);
  else {
    if (news.event === 'device') to.log.debug({ event: news.device.kind }, 'device');
    else {
      if (news.event === 'path-changed') to.outside.pathChanged(news.publicKey, news.to);
      to.paths.news(news);
    }
    to.coordinator.pathsChanged();
  }
}
