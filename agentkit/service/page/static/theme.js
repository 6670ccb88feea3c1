// Runs before the first paint, so that a theme that was chosen by hand does not flash.
try {
  const { theme } = JSON.parse(localStorage.getItem("agentkit.settings") || "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off; the theme of the system counts.
}
