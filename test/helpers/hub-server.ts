import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

type Files = Map<string, Buffer>;

export interface HubRepo {
  visibility: string;
  /** By branch. */
  branches: Map<string, Files>;
  commits: { branch: string; title: string; files: string[]; isPullRequest: boolean }[];
}

export interface HubServer extends AsyncDisposable {
  url: string;
  /** By `owner/name`. */
  repos: Map<string, HubRepo>;
  /** `GET /api/whoami-v2` and so on. */
  requests: string[];
}

/** What one commit says of a file: its content, or the hash of what was uploaded before. */
type Line =
  | { key: 'header'; value: { summary: string } }
  | { key: 'file'; value: { path: string; content: string } }
  | { key: 'lfsFile'; value: { path: string; oid: string } };

/** What the JSON bodies have. */
interface Body {
  organization?: string;
  name?: string;
  visibility?: string;
  objects?: { oid: string; size: number }[];
  files?: { path: string }[];
}

/** A model hub in memory, as far as an upload needs one. It knows one user, `me`, with the token `hf_test`. */
export async function startHubServer(): Promise<HubServer> {
  const repos = new Map<string, HubRepo>();
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => reply(response, 500, { error: String(error) }));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const route = `${request.method} ${pathname}`;
    requests.push(route);
    const body = await buffer(request);
    const json = (): Body => JSON.parse(body.toString()) as Body;
    const [, stored = ''] = /^PUT \/objects\/(\w+)$/.exec(route) ?? [];
    if (stored !== '') {
      if (createHash('sha256').update(body).digest('hex') !== stored)
        return reply(response, 400, { error: 'wrong bytes' });
      objects.set(stored, body);
      return reply(response, 200, {});
    }
    if (request.headers.authorization !== 'Bearer hf_test')
      return reply(response, 401, { error: 'Invalid username or password.' });
    if (route === 'GET /api/whoami-v2')
      return reply(response, 200, { type: 'user', name: 'me', auth: { type: 'access_token' } });
    if (route === 'POST /api/repos/create') {
      const { organization, name, visibility = 'public' } = json();
      const id = `${organization}/${name}`;
      if (repos.has(id)) return reply(response, 409, { error: 'You already created this model repo' });
      repos.set(id, { visibility, branches: new Map([['main', new Map()]]), commits: [] });
      return reply(response, 200, { url: `${url}/${id}`, id });
    }
    const [, id = '', action, branch = ''] =
      /^\/(?:api\/models\/)?([\w.-]+\/[\w.-]+?)(?:\.git\/info\/lfs)?\/(preupload|branch|commit|objects|resolve)\/([^/]+)/.exec(
        pathname,
      ) ?? [];
    const repo = repos.get(id);
    const files = repo?.branches.get(decodeURIComponent(branch));
    if (repo === undefined) return reply(response, 404, { error: 'Repository not found' });
    if (action === 'objects') return reply(response, 200, toBatch(json().objects ?? []));
    if (action === 'branch') {
      if (files !== undefined) return reply(response, 409, { error: 'Reference already exists' });
      repo.branches.set(decodeURIComponent(branch), new Map(repo.branches.get('main')));
      return reply(response, 200, {});
    }
    if (files === undefined)
      return reply(response, 404, { error: 'Invalid rev id' }, { 'x-error-code': 'RevisionNotFound' });
    if (action === 'resolve') return resolveFile(response, files.get(pathname.split('/').at(-1) ?? ''));
    if (action === 'preupload') {
      const modes = json().files?.map(({ path }) => ({
        path,
        uploadMode: path.endsWith('.safetensors') ? 'lfs' : 'regular',
        shouldIgnore: false,
      }));
      return reply(response, 200, { files: modes });
    }
    const lines = body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const isPullRequest = searchParams.has('create_pr');
    const committed = toFiles(lines);
    const title = lines.flatMap((line) => (line.key === 'header' ? [line.value.summary] : [])).join();
    repo.commits.push({
      branch: decodeURIComponent(branch),
      title,
      files: [...committed.keys()].toSorted(),
      isPullRequest,
    });
    if (!isPullRequest) for (const [name, content] of committed) files.set(name, content);
    return reply(response, 200, {
      commitOid: 'c0ffee',
      commitUrl: `${url}/${id}/commit/c0ffee`,
      ...(isPullRequest && { pullRequestUrl: `${url}/${id}/discussions/1` }),
    });
  }

  function toBatch(asked: { oid: string; size: number }[]): object {
    const toObject = ({ oid, size }: { oid: string; size: number }) => ({
      oid,
      size,
      actions: { upload: { href: `${url}/objects/${oid}`, header: {} } },
    });
    return { transfer: 'basic', objects: asked.map(toObject) };
  }

  function toFiles(lines: readonly Line[]): Files {
    const files: Files = new Map();
    for (const line of lines) {
      if (line.key === 'file') files.set(line.value.path, Buffer.from(line.value.content, 'base64'));
      if (line.key !== 'lfsFile') continue;
      const content = objects.get(line.value.oid);
      if (content === undefined) throw new Error(`${line.value.path} was not uploaded`);
      files.set(line.value.path, content);
    }
    return files;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    repos,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function resolveFile(response: ServerResponse, content: Buffer | undefined): void {
  if (content === undefined)
    return reply(response, 404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound' });
  const headers = { etag: '"1"', 'content-range': `bytes 0-${content.length - 1}/${content.length}` };
  response.writeHead(206, headers).end(content);
}

function reply(response: ServerResponse, status: number, body: object, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
