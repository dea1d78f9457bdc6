import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers that belong to the upgrade alone. */
const OF_UPGRADE = new Set(['upgrade', 'http2-settings']);

/**
 * Serves a request as if it had not asked for an upgrade that is not known here, as RFC 9110 (7.8) has it: Java's
 * client and `curl --http2` offer `h2c` with ordinary requests. Node takes every such request out of its HTTP parser
 * once WebSockets are served; here its bytes go back in.
 */
export function leaveUpgradesAside(http: Server): (req: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  http.prependListener('request', (req, res) => latest.set(req.socket, res));
  return (req, socket, head) => {
    const bytes = Buffer.concat([Buffer.from(headOf(req), 'latin1'), head]);
    const goOn = () => {
      socket.removeListener('error', ignore);
      if (socket.destroyed) return;
      socket.unshift(bytes);
      http.emit('connection', socket);
    };
    socket.on('error', ignore);
    const before = latest.get(socket);
    // Requests may be sent ahead of answers; those keep their order only within one run of the parser.
    if (before && !before.closed) before.once('close', goOn);
    else goOn();
  };
}

/** While nobody else listens, an error of the socket would end the process; it is closed by itself. */
function ignore(): void {}

function headOf(req: IncomingMessage): string {
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`];
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at]!;
    const value = req.rawHeaders[at + 1]!;
    if (OF_UPGRADE.has(name.toLowerCase())) continue;
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? otherTokens(value) : value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function otherTokens(connection: string): string {
  const tokens = connection.split(',').map((token) => token.trim());
  return tokens.filter((token) => !OF_UPGRADE.has(token.toLowerCase())).join(', ') || 'keep-alive';
}
