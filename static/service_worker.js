// Shows notifications, and opens the page behind them. Decides nothing, keeps nothing of anyone's.
'use strict'

const KEPT = 'offline-1'

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.add('/offline')))
  self.skipWaiting()
})

self.addEventListener('activate', (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)))
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()))
})

// Every push shows something: browsers take the permission away from those that stay silent.
self.addEventListener('push', (event) => event.waitUntil(show(event.data)))

async function show(data) {
  let message = {}
  try { message = data?.json() ?? {} } catch { /* not ours: say only that something is there */ }
  const said = message.notification ?? {}
  const { title = 'Something is waiting', body = '', lang = 'en', dir = 'auto', tag = 'waiting' } = said
  const asks = !said.silent || Boolean(message.countersign_badge)
  const options = {
    body, lang, dir, tag,
    silent: Boolean(said.silent),
    icon: '/static/icon-192.png',
    badge: '/static/badge-96.png',
    data: { navigate: said.navigate ?? '/' },
  }
  // Both open the page; there is nothing a notification could decide.
  if (asks && (self.Notification?.maxActions ?? 0) >= 2) {
    options.actions = [{ action: 'review', title: 'Review' }, { action: 'deny', title: 'Deny' }]
  }
  await self.registration.showNotification(title, options)
  const count = message.countersign_badge
  if (Number.isInteger(count)) {
    await (count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.())?.catch(() => {})
  }
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data?.navigate ?? '/'))
})

async function open(navigate) {
  const wanted = new URL(navigate, self.location.origin)
  const url = wanted.origin === self.location.origin ? wanted.href : self.location.origin
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const there = windows.find((window) => window.url === url)
  if (there) return there.focus()
  const [any] = windows
  if (any?.navigate) {
    try {
      const moved = await any.navigate(url)
      if (moved) return moved.focus()
    } catch { /* a window that is not ours to move */ }
  }
  return self.clients.openWindow(url)
}

// Pages come from the network or not at all. An answer is never kept to be sent later.
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.mode === 'navigate' && request.method === 'GET') {
    event.respondWith(self.fetch(request).catch(() => caches.match('/offline')))
  }
})
