// Light, dark, or as the system says.
export type Choice = "system" | "light" | "dark";

const KEY = "hopperkv.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

class Theme {
  choice = $state<Choice>(stored());
  private systemDark = $state(system.matches);
  readonly dark = $derived(this.choice === "system" ? this.systemDark : this.choice === "dark");

  constructor() {
    this.show();
    system.addEventListener("change", () => {
      this.systemDark = system.matches;
      this.show();
    });
  }

  set(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.show();
  }

  private show(): void {
    document.documentElement.dataset["theme"] = this.dark ? "dark" : "light";
  }
}

function stored(): Choice {
  const choice = localStorage.getItem(KEY);
  return choice === "light" || choice === "dark" ? choice : "system";
}

export const theme = new Theme();
