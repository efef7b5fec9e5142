// A phone in someone's hand: a Chromium of a phone's size, told what to do line by line.
//
// The one argument is a JSON object, every member optional:
//   "profile"      folder of the browser's profile, so that a phone can be switched off and on again
//   "flags"        more for Chromium: those of the messaging stand-in (gcm_stand_in.mjs)
//   "granted"      origins that may show notifications, as remembered from before ("grantNotifications" is
//                  forgotten when the phone is switched off, and its subscriptions with it)
//   "scheme"       "light" (as shipped) or "dark"
//   "viewport"     {"width": 390, "height": 844}
//   "desktop"      true: a mouse and no touch, one pixel a pixel, 1280 × 800
//   "javaScript"   false: a browser without it
//   "timeout"      milliseconds that a command waits for what it names (10 000)
//   "chromium"     its path (/usr/bin/chromium)
//
// Writes {"event":"ready"}, then one line for each command; lines.mjs says how. Elements are named as a
// person names them: {"role":"button","name":"Deny"} or {"label":"Email"} or {"text":"…"}, at last resort
// {"selector":"css"}; names and texts match exactly unless "exact":false, "nth" picks one of several.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { obey, say } from './lines.mjs'
import { NotificationDaemon } from './notification_daemon.mjs'

const options = JSON.parse(process.argv[2] ?? '{}')
const patience = options.timeout ?? 10_000
const home = mkdtempSync(join(tmpdir(), 'phone-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))

const daemon = await NotificationDaemon.start()
const size = options.desktop
  ? { viewport: { width: 1280, height: 800 } }
  : { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const context = await chromium.launchPersistentContext(options.profile ?? join(home, 'profile'), {
  ...size,
  ...(options.viewport && { viewport: options.viewport }),
  executablePath: options.chromium ?? '/usr/bin/chromium',
  headless: true,
  chromiumSandbox: false, // as root, and in many containers, there is none to be had
  colorScheme: options.scheme ?? 'light',
  javaScriptEnabled: options.javaScript ?? true,
  locale: 'en-GB',
  timezoneId: 'UTC',
  // Not this account's own desktop, files and settings: a desktop and a home of the phone's own.
  env: { PATH: process.env.PATH, HOME: home, DBUS_SESSION_BUS_ADDRESS: daemon.address },
  args: [
    '--disable-gpu',
    '--disable-component-update',
    '--disable-sync',
    // Whatever the browser itself would like to fetch: there is nothing but this machine.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ...(options.flags ?? []),
  ],
})
for (const origin of options.granted ?? []) await context.grantPermissions(['notifications'], { origin })
context.setDefaultTimeout(patience)

// ---- what is noticed all the while ---------------------------------------------------------------

const noticed = { csp: [], console: [], errors: [], requests: [] }

await context.exposeBinding('__noticeViolation', (_, violation) => noticed.csp.push(violation))
await context.addInitScript(() => {
  document.addEventListener('securitypolicyviolation', (event) => {
    const { violatedDirective, blockedURI, documentURI, sourceFile, lineNumber, sample } = event
    globalThis.__noticeViolation({ violatedDirective, blockedURI, documentURI, sourceFile, lineNumber, sample })
  })
})
context.on('console', (line) => {
  if (['error', 'warning'].includes(line.type())) noticed.console.push(line.text())
})
context.on('weberror', (error) => noticed.errors.push(error.error().message))
context.on('request', (request) => noticed.requests.push({ method: request.method(), url: request.url() }))

// ---- the page in front ---------------------------------------------------------------------------

let [page] = context.pages()
context.on('page', (opened) => {
  page = opened
  opened.on('close', () => {
    if (page === opened) page = context.pages().at(-1)
  })
})

function element({ role, name, label, text, selector, exact = true, nth }) {
  let found
  if (role) found = page.getByRole(role, name === undefined ? {} : { name, exact })
  else if (label) found = page.getByLabel(label, { exact })
  else if (text) found = page.getByText(text, { exact })
  else if (selector) found = page.locator(selector)
  else throw new Error('name an element: role and name, label, text or selector')
  return nth === undefined ? found : found.nth(nth)
}

const named = ({ role, label, text, selector }) => role ?? label ?? text ?? selector

const devtools = new Map() // page → its session
async function cdp() {
  if (!devtools.has(page)) devtools.set(page, await context.newCDPSession(page))
  return devtools.get(page)
}

// ---- notifications -------------------------------------------------------------------------------

async function deliverPush({ data, origin = new URL(page.url()).origin }) {
  const session = await cdp()
  const registration = new Promise((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find((one) => one.scopeURL.startsWith(`${origin}/`) && !one.isDeleted)
      if (ours) resolve(ours.registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const registrationId = await within(registration, `no service worker at ${origin}`)
  const body = typeof data === 'string' ? data : JSON.stringify(data)
  await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: body })
  await session.send('ServiceWorker.disable')
}

function within(promise, reason) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(reason)), patience)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// ---- commands ------------------------------------------------------------------------------------

say({ event: 'ready' })

await obey({
  // Going somewhere. `status` is the answer's; nothing where the browser answered for itself.
  async goto({ url }) {
    const response = await page.goto(url)
    return { url: page.url(), status: response?.status(), headers: await response?.allHeaders() }
  },
  async reload() {
    const response = await page.reload()
    return { url: page.url(), status: response?.status() }
  },
  async back() {
    await page.goBack()
    return { url: page.url() }
  },
  where: async () => ({ url: page.url(), title: await page.title(), pages: context.pages().map((one) => one.url()) }),
  /** Brings the page whose address contains `url` to the front, once there is one. */
  async waitForPage({ url }) {
    const late = Date.now() + patience
    const find = () => context.pages().find((one) => one.url().includes(url))
    while (!find()) {
      if (Date.now() > late) throw new Error(`no page at ${url}; there are ${context.pages().map((one) => one.url())}`)
      await sleep(25)
    }
    page = find()
    await page.waitForLoadState()
    return { url: page.url() }
  },
  async newPage() {
    page = await context.newPage()
  },

  // Doing something. `navigates: true` waits until the next page has loaded.
  async click({ navigates, timeout, ...which }) {
    const loaded = navigates && page.waitForNavigation()
    loaded && loaded.catch(() => {})
    await (options.desktop ? element(which).click({ timeout }) : element(which).tap({ timeout }))
    await loaded
    return { url: page.url() }
  },
  fill: async ({ value, timeout, ...which }) => void (await element(which).fill(value, { timeout })),
  select: async ({ value, timeout, ...which }) => void (await element(which).selectOption(value, { timeout })),
  check: async ({ value = true, timeout, ...which }) => void (await element(which).setChecked(value, { timeout })),
  press: async ({ key }) => void (await page.keyboard.press(key)),
  offline: async ({ value = true }) => void (await context.setOffline(value)),

  // Seeing something.
  text: async ({ selector = 'body' }) => ({ text: await page.locator(selector).innerText() }),
  html: async () => ({ html: await page.content() }),
  /** The frames in the page: where each ended up, and what it says. */
  async frames() {
    const inner = page.frames().filter((one) => one !== page.mainFrame())
    const frames = inner.map(async (one) => ({ url: one.url(), text: await one.locator('body').innerText() }))
    return { frames: await Promise.all(frames) }
  },
  /** The page as a screen reader meets it. */
  outline: async ({ selector = 'body' }) => ({ outline: await page.locator(selector).ariaSnapshot() }),
  async focused() {
    return {
      focused: await page.evaluate(() => {
        const { tagName, id, textContent } = document.activeElement ?? {}
        return { tag: tagName?.toLowerCase(), id, text: textContent?.trim() }
      }),
    }
  },
  count: async (which) => ({ count: await element(which).count() }),
  async waitForText({ text, timeout }) {
    await page.getByText(text).first().waitFor({ state: 'visible', timeout })
  },
  async waitForElement({ timeout, state = 'visible', ...which }) {
    await element(which).waitFor({ state, timeout }).catch((error) => {
      throw new Error(`${named(which)}: ${error.message}`)
    })
  },
  async waitForUrl({ url, timeout }) {
    await page.waitForURL((address) => address.href.includes(url), { timeout })
    return { url: page.url() }
  },
  evaluate: async ({ script }) => ({ value: await page.evaluate(script) }),
  /** Both schemes make two files, `x.light.png` and `x.dark.png`, of `path: "x"`; one makes `path` itself. */
  async screenshot({ path, scheme, schemes, fullPage = true }) {
    const before = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'))
    const paths = []
    for (const one of schemes ?? [scheme ?? before]) {
      await page.emulateMedia({ colorScheme: one })
      paths.push(schemes ? `${path}.${one}.png` : path)
      await page.screenshot({ path: paths.at(-1), fullPage, animations: 'disabled' })
    }
    await page.emulateMedia({ colorScheme: before })
    return { paths }
  },
  async emulate({ colorScheme, reducedMotion, contrast, forcedColors, viewport }) {
    await page.emulateMedia({ colorScheme, reducedMotion, contrast, forcedColors })
    if (viewport) await page.setViewportSize(viewport)
  },
  /** What has been noticed since the start, or since it was last cleared. */
  async noticed({ clear = false }) {
    const all = structuredClone(noticed)
    if (clear) for (const list of Object.values(noticed)) list.length = 0
    return all
  },
  async cspViolations() {
    return { violations: noticed.csp }
  },
  cookies: async () => ({ cookies: await context.cookies() }),
  clearCookies: async () => void (await context.clearCookies()),
  async installability() {
    const { installabilityErrors } = await (await cdp()).send('Page.getInstallabilityErrors')
    return { errors: installabilityErrors }
  },

  // Notifications.
  async grantNotifications({ origin = new URL(page.url()).origin }) {
    await context.grantPermissions(['notifications'], { origin })
  },
  deliverPush,
  /** What the service worker has up, as the page is told. */
  async notifications() {
    return {
      notifications: await page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready
        return (await registration.getNotifications()).map(({ title, body, tag, data, actions }) => ({
          title, body, tag, data, actions: actions?.map(({ action, title: label }) => ({ action, title: label })),
        }))
      }),
    }
  },
  ...daemon.commands(patience),
})

await context.close()
process.exit(0)
