import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generate } from 'selfsigned';

/** nginx over TLS. */
export interface FileServer {
  url: string;
  /** Its certificate, which is its own authority. */
  certificatePath: string;
  stop(): Promise<void>;
}

/** Starts nginx, as Debian's package has it, in `folder`; it serves the files below `root`. */
export async function startFileServer(folder: string, root: string): Promise<FileServer> {
  await mkdir(folder, { recursive: true });
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const certificatePath = join(folder, 'certificate.pem');
  await writeFile(certificatePath, cert);
  await writeFile(join(folder, 'key.pem'), key, { mode: 0o600 });
  const port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, root, port));
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(`${message}; install it with: apt-get install nginx-light`));
    child.once('exit', (code) => resolve(`nginx ended with ${code}`));
  });
  const failure = await Promise.race([ended, waitForPort(port)]);
  if (failure !== undefined) throw new Error(failure);
  return {
    url: `https://127.0.0.1:${port}`,
    certificatePath,
    async stop() {
      const gone = child.exitCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGTERM');
      await gone;
    },
  };
}

function configuration(folder: string, root: string, port: number): string {
  return `
daemon off;
user root;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  client_body_temp_path ${folder}/bodies;
  proxy_temp_path ${folder}/proxied;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate certificate.pem;
    ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m;
    root ${root};
  }
}
`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves with nothing once somebody listens. */
async function waitForPort(port: number): Promise<undefined> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await setTimeout(50);
  }
}
