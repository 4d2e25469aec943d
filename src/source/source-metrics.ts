import { Counter, Gauge, type Registry } from 'prom-client';
import type { Lane } from '../cause/causes.ts';
import type { Edge } from './debouncer.ts';

export interface SourceMetrics {
  readonly emitted: Readonly<Record<Edge, Counter.Internal>>;
  readonly merged: Counter.Internal;
}

/** A channel, as it is at a scrape. */
interface ChannelState {
  readonly capacity: number;
  readonly depth: number;
}

/** The metrics of the debouncers and the channels. @param channels read at each scrape */
export function createSourceMetrics(
  registry: Registry,
  channels: Readonly<Record<Lane, ChannelState>>,
): Readonly<Record<Lane, SourceMetrics>> {
  const registers = [registry];
  const emitted = new Counter({
    registers,
    name: 'tocsin_events_emitted_total',
    help: 'Events that the debouncers let out, by lane and edge.',
    labelNames: ['lane', 'edge'],
  });
  const ofChannels = (gauge: { name: string; help: string }, value: (channel: ChannelState) => number): Gauge =>
    new Gauge({
      registers,
      ...gauge,
      labelNames: ['lane'],
      collect() {
        for (const [lane, channel] of Object.entries(channels)) this.set({ lane }, value(channel));
      },
    });
  const depth = { name: 'tocsin_channel_depth', help: 'Events that wait in the channel of a lane.' };
  ofChannels(depth, (channel) => channel.depth);
  const capacity = { name: 'tocsin_channel_capacity', help: 'Most events that the channel of a lane holds.' };
  ofChannels(capacity, (channel) => channel.capacity);
  const merged = new Counter({
    registers,
    name: 'tocsin_channel_merged_total',
    help: 'Events merged into the newest waiting one because the channel of their lane was full.',
    labelNames: ['lane'],
  });
  const ofLane = (lane: Lane): SourceMetrics => {
    const edge = (name: Edge): Counter.Internal => started(emitted, { lane, edge: name });
    return {
      emitted: { leading: edge('leading'), trailing: edge('trailing'), max_wait: edge('max_wait') },
      merged: started(merged, { lane }),
    };
  };
  return { platform: ofLane('platform'), user: ofLane('user') };
}

function started(counter: Counter, labels: Record<string, string>): Counter.Internal {
  counter.inc(labels, 0);
  return counter.labels(labels);
}
