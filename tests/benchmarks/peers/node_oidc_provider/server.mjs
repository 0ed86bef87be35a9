// node oidc-provider with everything in memory: `node server.mjs PORT ALGORITHM`. No password is hashed, nothing is durable.
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const [port, algorithm, secret, callback] = process.argv.slice(2);
const ACCOUNTS = /^person\d+$/;
const MOST = 10_000;
const kinds = new Map();

// The adapter of the package keeps 1,000 entries, fewer than a round makes. This one keeps more, and of each kind by itself:
// sessions of visitors that wait must outlive the tokens that other visitors get.
function entriesOf(key) {
  const kind = key.slice(0, key.indexOf(':'));
  if (!kinds.has(kind)) kinds.set(kind, new Map());
  return kinds.get(kind);
}

class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  read(key) {
    const entries = entriesOf(key);
    const found = entries.get(key);
    if (!found) return undefined;
    entries.delete(key);
    if (found.until <= Date.now()) return undefined;
    entries.set(key, found);
    return found.payload;
  }
  write(key, payload, seconds) {
    const entries = entriesOf(key);
    entries.delete(key);
    entries.set(key, { payload, until: seconds ? Date.now() + seconds * 1000 : Infinity });
    if (entries.size > MOST) entries.delete(entries.keys().next().value);
  }
  async upsert(id, payload, seconds) {
    this.write(this.key(id), payload, seconds);
    if (this.model === 'Session') this.write(`uid:${payload.uid}`, id, seconds);
    if (payload.grantId) {
      const members = this.read(`grant:${payload.grantId}`) ?? [];
      this.write(`grant:${payload.grantId}`, [...members.slice(-50), this.key(id)], seconds);
    }
  }
  async find(id) { return this.read(this.key(id)); }
  async findByUid(uid) { const id = this.read(`uid:${uid}`); return id && this.find(id); }
  async findByUserCode() { return undefined; }
  async consume(id) { const found = this.read(this.key(id)); if (found) found.consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { entriesOf(this.key(id)).delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const key of [...this.read(`grant:${grantId}`) ?? [], `grant:${grantId}`]) entriesOf(key).delete(key);
  }
}

function key() {
  const pair = algorithm === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm };
}

async function existingGrant(ctx) {
  const { client, provider: { Grant }, result, session } = ctx.oidc;
  const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  if (known) return Grant.find(known);
  const grant = new Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile offline_access');
  await grant.save();
  return grant;
}

const provider = new Provider(`http://localhost:${port}`, {
  adapter: Memory,
  jwks: { keys: [key()] },
  cookies: { keys: ['benchmarks-only'] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
  scopes: ['openid', 'profile', 'offline_access'],
  clients: [{
    client_id: 'bench',
    client_secret: secret,
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    id_token_signed_response_alg: algorithm,
  }],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: id, preferred_username: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  loadExistingGrant: existingGrant,
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 300, Interaction: 3600, RefreshToken: 86400, Session: 86400 },
});

async function typed(request) {
  let body = '';
  for await (const part of request) body += part;
  return new URLSearchParams(body);
}

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'POST') {
    const accountId = (await typed(ctx.req)).get('username');
    if (ACCOUNTS.test(accountId)) {
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login: { accountId } }));
      ctx.status = 303;
      return undefined;
    }
  }
  ctx.type = 'html';
  ctx.body = `<!doctype html><title>Sign in</title><form method="post" action="/interaction/${uid}">`
    + '<input name="username"><input name="password" type="password"><button>Sign in</button></form>';
  return undefined;
});

const server = provider.listen(Number(port), '127.0.0.1');
server.keepAliveTimeout = 0; // visitors wait while others are measured
process.on('SIGTERM', () => process.exit(0));
