// A second browser, to show that the first was no accident: Firefox ESR, told what to do line by line.
//
// The one argument is a JSON object, every member optional: "profile", "scheme", "timeout" as for
// phone.mjs; "prefs" are those of the stand-in (autopush_stand_in.mjs); "granted": true lets every page
// show notifications; "firefox" is its path (/usr/bin/firefox-esr).
//
// Writes {"event":"ready"}, then one line for each command; lines.mjs says how. The commands are a part of
// phone.mjs's, under the same names.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { obey, say } from './lines.mjs'
import { NotificationDaemon } from './notification_daemon.mjs'

const options = JSON.parse(process.argv[2] ?? '{}')
const patience = options.timeout ?? 20_000
const home = mkdtempSync(join(tmpdir(), 'firefox-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))

const daemon = await NotificationDaemon.start()
const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: options.firefox ?? '/usr/bin/firefox-esr',
  headless: true,
  userDataDir: options.profile ?? join(home, 'profile'),
  defaultViewport: { width: 390, height: 844 },
  // Not this account's own desktop, files and settings: a desktop and a home of the browser's own.
  env: { PATH: process.env.PATH, HOME: home, DBUS_SESSION_BUS_ADDRESS: daemon.address },
  extraPrefsFirefox: {
    ...(options.granted && { 'permissions.default.desktop-notification': 1 }),
    'ui.systemUsesDarkTheme': options.scheme === 'dark' ? 1 : 0,
    ...options.prefs,
  },
})

let [page] = await browser.pages()
page ??= await browser.newPage()
page.setDefaultTimeout(patience)

function element({ role, name, label, text, selector }) {
  const quoted = (value) => JSON.stringify(value)
  if (role) return page.locator(`aria/${name === undefined ? '' : name}[role=${quoted(role)}]`)
  if (label) return page.locator(`aria/${label}[role="textbox"]`)
  if (text) return page.locator(`text/${text}`)
  if (selector) return page.locator(selector)
  throw new Error('name an element: role and name, label, text or selector')
}

const contains = (text) =>
  page.waitForFunction((wanted) => document.body?.innerText.includes(wanted), { timeout: patience }, text)

say({ event: 'ready' })

await obey({
  async goto({ url }) {
    const response = await page.goto(url)
    return { url: page.url(), status: response?.status(), headers: response?.headers() }
  },
  where: async () => ({
    url: page.url(),
    title: await page.title(),
    pages: (await browser.pages()).map((one) => one.url()),
  }),
  async waitForPage({ url }) {
    const target = await browser.waitForTarget((one) => one.url().includes(url), { timeout: patience })
    page = await target.page()
    page.setDefaultTimeout(patience)
    return { url: page.url() }
  },
  async click({ navigates, ...which }) {
    await Promise.all([element(which).click(), navigates && page.waitForNavigation()])
    return { url: page.url() }
  },
  fill: async ({ value, ...which }) => void (await element(which).fill(value)),
  text: async ({ selector = 'body' }) => ({ text: await page.$eval(selector, (found) => found.innerText) }),
  waitForText: async ({ text }) => void (await contains(text)),
  evaluate: async ({ script }) => ({ value: await page.evaluate(script) }),
  async screenshot({ path, fullPage = true }) {
    await page.screenshot({ path, fullPage })
    return { paths: [path] }
  },
  ...daemon.commands(patience),
})

await browser.close()
process.exit(0)
