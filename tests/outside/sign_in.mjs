// A relying app on the npm package openid-client. It reads its registration as a line of JSON, says which address to open,
// reads the address that the browser came back to, and tells what it got. Whatever the library does not like, it throws.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)

const app = await hear()
const authentication = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
  none: client.None,
}[app.metadata.token_endpoint_auth_method]

const config = await client.discovery(
  new URL(app.issuer), app.client_id, app.metadata, authentication(app.secret), { execute: [client.allowInsecureRequests] },
)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: app.redirect_uri,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  ...app.asked,
})
say({ open: address.href })

const back = await hear()
const tokens = await client.authorizationCodeGrant(config, new URL(back.url), {
  pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
const after = await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
const end = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token, post_logout_redirect_uri: app.signed_out_uri, state: 'bye',
})
say({
  claims,
  userinfo,
  after,
  scope: tokens.scope,
  rotated: refreshed.refresh_token !== undefined && refreshed.refresh_token !== tokens.refresh_token,
  refreshed: refreshed.claims() ?? null,
  end_session: end.href,
})

// After sign-out nothing works any more; the library tells with what words it was refused.
await hear()
const refusals = {}
await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
  .catch((error) => { refusals.userinfo = error.cause?.[0]?.parameters?.error ?? error.code })
await client.refreshTokenGrant(config, refreshed.refresh_token ?? tokens.refresh_token)
  .catch((error) => { refusals.refresh = error.error })
say(refusals)
process.exit(0)
