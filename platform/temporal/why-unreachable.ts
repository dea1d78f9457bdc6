import { connect } from 'node:net';

const PATIENCE_MS = 3_000;
/** gRPC's number. It stands for everything that keeps a call waiting, a connection that is refused too. */
const DEADLINE_EXCEEDED = 4;

/**
 * Why a call to Temporal went wrong, in words of one line.
 * @param address host, host:port or [IPv6]:port
 */
export async function whyNoAnswer(error: unknown, address: string): Promise<string> {
  const { code, details, message } = error as { code?: unknown; details?: string; message: string };
  // gRPC puts its own words around the server's.
  return code === DEADLINE_EXCEEDED ? whyUnreachable(address) : ((details || message).split('\n')[0] ?? '');
}

/**
 * What is at an address where no Temporal answers: gRPC itself says only that its time is up.
 * @param address host, host:port or [IPv6]:port
 * @returns half a sentence, such as "connection refused"
 */
function whyUnreachable(address: string): Promise<string> {
  const { hostname, port } = new URL(`temporal://${address}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port || 7233), timeout: PATIENCE_MS });
    const end = (why: string) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () =>
      end('something listens there, but does not answer as Temporal does (gRPC, with or without TLS)'),
    );
    socket.once('timeout', () => end('no connection, and no refusal either: a firewall may be in between'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') return end('connection refused: nothing listens there');
      if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return end(`there is no host named ${host}`);
      end(error.message);
    });
  });
}
