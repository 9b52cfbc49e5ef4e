// Gives each connection so many bytes per second, a process of its own: `node test/bench/downloads/relay.ts URL
// BYTES_PER_SECOND`. nginx cannot be used for it: its limit_rate holds for a request, of which it sends the first second's
// share at once, so that a piece of a file would not be limited at all. Prints its URL; ends on SIGTERM.
import { connect, createServer, type Socket } from 'node:net';

const [url = '', rateText] = process.argv.slice(2);
const target = new URL(url);
const bytesPerSecond = Number(rateText);
/** How much a connection may be ahead of its rate. */
const burstBytes = 256 * 1024;

function limit(from: Socket, to: Socket): void {
  let sentBytes = 0;
  let countedFrom = performance.now();
  let isHeld = false;
  const goOn = (): void => {
    if (!isHeld && !to.writableNeedDrain) from.resume();
  };
  from.on('data', (chunk) => {
    const now = performance.now();
    const earnedBytes = ((now - countedFrom) / 1000) * bytesPerSecond;
    // What was not asked for in time is not owed later.
    if (earnedBytes > sentBytes + burstBytes)
      countedFrom += ((earnedBytes - sentBytes) / bytesPerSecond) * 1000;
    sentBytes += chunk.length;
    if (!to.write(chunk)) from.pause();
    const aheadBytes = sentBytes - ((now - countedFrom) / 1000) * bytesPerSecond;
    if (aheadBytes <= burstBytes) return;
    isHeld = true;
    from.pause();
    setTimeout(
      () => {
        isHeld = false;
        goOn();
      },
      ((aheadBytes - burstBytes / 2) / bytesPerSecond) * 1000,
    );
  });
  to.on('drain', goOn);
  from.on('end', () => to.end());
}

const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true });
  limit(upstream, client);
  client.pipe(upstream);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.on('close', () => upstream.destroy());
});
server.listen({ port: 0, host: '127.0.0.1' }, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  process.stdout.write(`${target.protocol}//127.0.0.1:${address.port}\n`);
});
for (const end of ['SIGTERM', 'disconnect']) process.once(end, () => process.exit(0));
