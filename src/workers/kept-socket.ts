import { connect as connectNet, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { networkOfThread } from './signed-url.ts';

/** What the connection works for: where bytes go, and what becomes of it. */
export interface SocketUser {
  /** Where bytes may be put, if they are not simply to be handed over; never empty. */
  room: () => Uint8Array | undefined;
  /** Bytes that came: those at the beginning of the last `room`, or others. They are there for the moment only. */
  take: (bytes: Uint8Array) => void;
  /** The connection has ended, by this error or by the other side. */
  onEnd: (error: Error | undefined) => void;
}

const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** Connections that nobody uses, by origin; the last one used comes first. */
const idle = new Map<string, KeptSocket[]>();

/** A connection that reads straight into its user's buffers, and waits for the next user when one is done with it. */
export class KeptSocket {
  readonly #origin: string;
  readonly #socket: Socket;
  #user: SocketUser | undefined;
  /** Whether it has served before: the server may have closed it since. */
  isReused = false;

  /** One that is free, or a new one. */
  static to(target: URL): KeptSocket {
    const free = idle.get(target.origin)?.pop();
    if (free !== undefined) {
      free.isReused = true;
      free.#socket.ref();
      return free;
    }
    return new KeptSocket(target);
  }

  private constructor(target: URL) {
    this.#origin = target.origin;
    const onread: OnReadOpts = {
      // Asked for after each read, so that the first bytes for a user may come in the scratch buffer.
      buffer: () => this.#user?.room() ?? scratch,
      callback: (byteCount, buffer) => {
        // What nobody asked for ends the connection.
        if (this.#user === undefined) this.#socket.destroy();
        else this.#user.take(buffer.subarray(0, byteCount));
        return true;
      },
    };
    const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
    const isSecure = target.protocol === 'https:';
    const port = Number(target.port) || (isSecure ? 443 : 80);
    const options = { host, port, noDelay: true, onread };
    this.#socket = isSecure
      ? connectTls({
          ...options,
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(networkOfThread.ca === undefined ? {} : { ca: networkOfThread.ca }),
        })
      : connectNet(options);
    let failure: Error | undefined;
    this.#socket.on('error', (error) => (failure = error));
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      this.#forget();
      this.#user?.onEnd(failure);
    });
  }

  /** Sends a request for a user, who gets everything that comes until `free` or `destroy`. */
  use(
    user: SocketUser,
    request: string,
    { stallTimeoutMs, onStall }: { stallTimeoutMs: number; onStall: () => void },
  ): void {
    this.#user = user;
    this.#socket.setTimeout(stallTimeoutMs, onStall);
    this.#socket.write(request, 'latin1');
  }

  /** What is on the way in this process still comes. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Its user is done with it. */
  free(): void {
    this.#user = undefined;
    // Its last bytes may have come when it was paused already.
    this.#socket.resume();
    this.#socket.setTimeout(0);
    this.#socket.removeAllListeners('timeout');
    this.#socket.unref();
    idle.set(this.#origin, [...(idle.get(this.#origin) ?? []), this]);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #forget(): void {
    const left = (idle.get(this.#origin) ?? []).filter((socket) => socket !== this);
    if (left.length === 0) idle.delete(this.#origin);
    else idle.set(this.#origin, left);
  }
}
