// A certificate authority for one test: made at the start, thrown away at the end.

import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const openssl = (folder, ...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/**
 * Makes an authority and a certificate for `names` in `folder`.
 *
 * `key` and `cert` are PEM for a TLS server, `ca` is the authority's path, `pin` is what Chromium's
 * `--ignore-certificate-errors-spki-list` takes.
 */
export function certify(folder, names) {
  const alternatives = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join()
  writeFileSync(
    join(folder, 'leaf.ext'),
    `basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=${alternatives}\n`,
  )
  openssl(folder, 'req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2',
    '-subj', '/CN=authority of one test', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
  openssl(folder, 'req', ...newKey, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', `/CN=${names[0]}`)
  openssl(folder, 'x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
    '-out', 'leaf.pem', '-days', '2', '-extfile', 'leaf.ext')

  const cert = readFileSync(join(folder, 'leaf.pem'), 'utf8')
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return {
    ca: join(folder, 'ca.pem'),
    cert,
    key: readFileSync(join(folder, 'leaf.key'), 'utf8'),
    pin: createHash('sha256').update(spki).digest('base64'),
  }
}
