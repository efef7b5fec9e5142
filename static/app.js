// What pages do besides being read: keep an early tap from answering, notice that a request is settled,
// say times in the reader's own zone, and let this browser be notified. Every page works without it.
'use strict'

const SHIELD = 600 // ms in which a tap meant for something else must not land on an answer
const ASK_EVERY = 3000
const ASK_AFTER_ANSWER = 60_000

// ---- times -------------------------------------------------------------------------------------

function sayTimes() {
  const today = new Date()
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime)
    if (Number.isNaN(at.getTime())) continue
    const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
    const day = at.toDateString() === today.toDateString() ? {} : { day: 'numeric', month: 'long' }
    const year = at.getFullYear() === today.getFullYear() ? {} : { year: 'numeric' }
    time.textContent = new Intl.DateTimeFormat('en-GB', { ...clock, ...day, ...year }).format(at)
    time.title = at.toLocaleString('en-GB', { timeZoneName: 'short' })
  }
}

function about(ms) {
  const [minutes, hours, days] = [60e3, 3600e3, 86400e3].map((unit) => Math.round(ms / unit))
  const count = (n, unit) => `about ${n} ${unit}${n === 1 ? '' : 's'}`
  if (ms < 45e3) return 'less than a minute'
  if (minutes < 60) return count(minutes, 'minute')
  return hours < 36 ? count(hours, 'hour') : count(days, 'day')
}

// ---- answering ---------------------------------------------------------------------------------

let armedAt = Infinity

function arm() {
  armedAt = performance.now() + SHIELD
  const forms = document.querySelectorAll('form[data-shield]')
  for (const form of forms) form.removeAttribute('data-ready')
  setTimeout(() => forms.forEach((form) => form.setAttribute('data-ready', '')), SHIELD)
}

function shield() {
  document.addEventListener('submit', (event) => {
    if (!event.target.matches('form[data-shield]')) return
    if (performance.now() < armedAt || event.target.dataset.sent) event.preventDefault()
    else event.target.dataset.sent = 'yes'
  }, true)
  document.addEventListener('visibilitychange', () => document.hidden || arm())
  arm()
}

// ---- less than all of it -----------------------------------------------------------------------

// What the first button would allow, above it, as long as that is not what was asked.
function follows(form) {
  const says = form.querySelector('[data-leaves]')
  const fields = [...form.elements]
  const items = fields.filter((one) => one.name.startsWith('item.'))
  const changed = () => {
    const said = []
    const kept = items.filter((one) => one.checked).length
    if (kept < items.length) said.push(`${kept} of ${items.length}`)
    const gone = new Set(items.filter((one) => !one.checked).map((one) => one.name.split('.')[1]))
    const lists = new Map()
    for (const field of fields) {
      const { asked, label } = field.dataset
      if (!label || gone.has(field.name.split('.')[1])) continue
      if (asked !== undefined) {
        if (field.value.trim() !== asked) said.push(`${label} ${field.value.trim()}`)
        continue
      }
      const name = field.name.replace(/\.\d+$/, '')
      const list = lists.get(name) ?? { label, all: 0, kept: 0 }
      list.all += 1
      list.kept += field.checked ? 1 : 0
      lists.set(name, list)
    }
    for (const { label, all, kept: some } of lists.values()) {
      if (some < all) said.push(`${label} ${some} of ${all}`)
    }
    const nothing = items.length > 0 && kept === 0
    says.textContent = nothing ? 'Nothing is ticked: that denies all of it.' : `Allow ${said.join(', ')}`
    says.hidden = said.length === 0
  }
  document.addEventListener('input', changed)
  changed()
}

// What was left out or lowered goes along to the sheet of “Always…”.
function carry(form) {
  form.addEventListener('submit', () => {
    for (const field of document.getElementById(form.dataset.carries).elements) {
      const part = /^(drawn_by$|item\.|less\.|keep\.)/.test(field.name)
      if (!part || (field.type === 'checkbox' && !field.checked)) continue
      form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: field.name, value: field.value }))
    }
  })
}

// ---- a request that is answered elsewhere, or runs out -----------------------------------------

function follow(article) {
  const { request, state = 'pending', answerBy } = article.dataset
  const left = article.querySelector('[data-left]')
  const until = answerBy ? new Date(answerBy).getTime() + 10_000 : Date.now() + ASK_AFTER_ANSWER
  const ask = async () => {
    if (left) left.textContent = about(new Date(answerBy) - Date.now())
    if (!document.hidden) {
      try {
        const answer = await fetch(`/r/${request}/state`, { cache: 'no-store' })
        if (answer.ok && (await answer.json()).state !== state) return location.reload()
      } catch { /* no network just now: ask again */ }
    }
    if (Date.now() < until) setTimeout(ask, ASK_EVERY)
  }
  setTimeout(ask, ASK_EVERY)
}

// ---- notifications in this browser -------------------------------------------------------------

const keyBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))

async function worker() {
  // The policy lets this page run only scripts that it names itself.
  const policy = window.trustedTypes?.createPolicy('countersign', {
    createScriptURL: (url) => {
      if (url !== '/service-worker.js') throw new TypeError(url)
      return url
    },
  })
  const url = policy ? policy.createScriptURL('/service-worker.js') : '/service-worker.js'
  await navigator.serviceWorker.register(url, { scope: '/' })
  return navigator.serviceWorker.ready
}

async function tell(panel, subscription) {
  const answer = await fetch('/devices/push', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-csrf-token': panel.dataset.csrf },
    body: JSON.stringify(subscription),
  })
  const said = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(said.error ?? 'This browser could not be added.')
  localStorage.setItem('device', said.id)
  localStorage.setItem('endpoint', subscription.endpoint)
}

async function devices(panel) {
  const words = panel.querySelector('[data-push-words]')
  const problem = panel.querySelector('[data-push-problem]')
  const button = panel.querySelector('[data-push-on]')
  const say = (text) => { words.textContent = text }
  if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) {
    return say(/iPhone|iPad/.test(navigator.userAgent)
      ? 'On an iPhone or iPad, first put this page on your Home Screen (Share, then “Add to Home Screen”) and open it from there.'
      : 'This browser cannot receive notifications. Requests reach you by email.')
  }
  const listed = () => document.querySelector(`[data-device="${CSS.escape(localStorage.getItem('device') ?? '')}"]`)
  const registration = await navigator.serviceWorker.getRegistration('/')
  const subscription = await registration?.pushManager.getSubscription()
  if (subscription && listed()) {
    if (localStorage.getItem('endpoint') !== subscription.endpoint) {
      await tell(panel, subscription)
      return location.reload()
    }
    listed().querySelector('[data-this]').hidden = false
    panel.dataset.on = ''
    return say('Notifications are on in this browser.')
  }
  if (Notification.permission === 'denied') {
    return say('Notifications from this site are blocked in this browser. Allow them in its settings, then open this page again.')
  }
  say('You get a note only when an agent needs your answer.')
  button.hidden = false
  button.addEventListener('click', async () => {
    problem.hidden = true
    button.disabled = true
    try {
      if (await Notification.requestPermission() !== 'granted') {
        throw new Error('Notifications were not allowed, so this browser stays silent.')
      }
      const { pushManager } = await worker()
      await (await pushManager.getSubscription())?.unsubscribe()
      await tell(panel, await pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: keyBytes(panel.dataset.vapidKey),
      }))
      location.reload()
    } catch (error) {
      problem.textContent = error.name === 'Error' ? error.message
        : 'This browser does not take notifications just now. In a private window they are always off.'
      problem.hidden = false
      button.disabled = false
    }
  })
}

// ---- every page --------------------------------------------------------------------------------

// A page brought back from the past shows what was true then.
window.addEventListener('pageshow', (event) => event.persisted && location.reload())

sayTimes()
shield()
document.querySelector('h1[tabindex]')?.focus({ preventScroll: true })
for (const text of document.querySelectorAll('.pick input[type=text]')) {
  text.addEventListener('input', () => { text.closest('.pick').querySelector('[type=radio]').checked = true })
}
for (const form of document.querySelectorAll('form[data-ahead]')) {
  // Midnight is where the reader is.
  const field = Object.assign(document.createElement('input'), { type: 'hidden', name: 'ahead' })
  field.value = -new Date().getTimezoneOffset()
  form.append(field)
}
for (const field of document.querySelectorAll('[data-zone]')) {
  field.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? ''
}
document.querySelectorAll('form:has([data-leaves])').forEach(follows)
document.querySelectorAll('form[data-carries]').forEach(carry)
for (const form of document.querySelectorAll('form[data-sign-out]')) {
  // Who signs out here is not told here any more.
  const field = Object.assign(document.createElement('input'), { type: 'hidden', name: 'device' })
  field.value = localStorage.getItem('device') ?? ''
  form.append(field)
}
const followed = document.querySelector('[data-request]')
if (followed && !followed.matches('.bounds')) follow(followed)
const panel = document.querySelector('#push')
if (panel) devices(panel).catch(() => {})
if (document.querySelector('[data-refresh]')) {
  document.addEventListener('visibilitychange', () => document.hidden || location.reload())
  navigator.clearAppBadge?.().catch(() => {})
}
