// What is wrong with how the page looks, as a list of sentences. Read by looks.rs.
(() => {
  const complaints = []
  const name = (element) => `<${element.tagName.toLowerCase()} class="${element.className.baseVal ?? element.className}"> ${element.textContent.trim().slice(0, 40)}`
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getClientRects().length > 0

  // Nothing is cut off, and nothing makes the page wider than the screen.
  const width = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth > width) complaints.push(`is ${document.documentElement.scrollWidth} wide on a screen of ${width}`)
  for (const element of document.querySelectorAll('body *')) {
    if (!shown(element) || element.closest('svg')) continue
    const box = element.getBoundingClientRect()
    if (box.right > width + 1 || box.left < -1) complaints.push(`beyond the edge: ${name(element)}`)
    // A field may hold more than it shows, and names in the strip end in an ellipsis.
    const clips = ['hidden', 'clip'].includes(getComputedStyle(element).overflowX)
    if (clips && element.tagName !== 'INPUT' && element.scrollWidth > element.clientWidth + 1 && !element.closest('.strip')) complaints.push(`cut off: ${name(element)}`)
  }

  // Answers are large, and a no is as large as a yes.
  for (const element of document.querySelectorAll('.once, .deny')) {
    const { height } = element.getBoundingClientRect()
    if (shown(element) && height < 56) complaints.push(`${height} high: ${name(element)}`)
  }
  const [once, deny] = ['.answers .once', '.answers .deny'].map((one) => document.querySelector(one)?.getBoundingClientRect())
  if (once && deny && (once.width !== deny.width || deny.height < Math.min(once.height, 60))) complaints.push('a no is smaller than a yes')
  for (const element of document.querySelectorAll('button, .button, nav a, summary, .tick, input:not([type=hidden]):not([type=radio]):not([type=checkbox])')) {
    const { height } = element.getBoundingClientRect()
    if (shown(element) && height < 44) complaints.push(`${height} high: ${name(element)}`)
  }

  // Everything written can be read: WCAG 1.4.3.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor)
      if (colour[3] === 255) return colour
    }
    return [255, 255, 255, 255]
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement
    if (!texts.currentNode.data.trim() || !shown(element) || element.closest('svg, [disabled]')) continue
    const [light, dark] = [rgb(getComputedStyle(element).color), behind(element)].map(luminance).sort((a, b) => b - a)
    const contrast = (light + 0.05) / (dark + 0.05)
    if (contrast < 4.5) complaints.push(`contrast ${contrast.toFixed(2)}: ${name(element)}`)
  }

  // Each field has a name, each page one heading.
  for (const element of document.querySelectorAll('input:not([type=hidden]), textarea, select')) {
    if (!element.labels?.length && !element.ariaLabel) complaints.push(`a field without a name: ${element.name}`)
  }
  if (document.querySelectorAll('h1').length !== 1) complaints.push('not one h1')
  return complaints
})()
