// Inlined, so that pages need no requests for them.
import type { ReactNode } from "react";

function Icon({ children, filled = false }: { children: ReactNode; filled?: boolean }) {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" fill={filled ? "currentColor" : "none"} stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round">
      {children}
    </svg>
  );
}

export function Heart({ filled }: { filled: boolean }) {
  return (
    <Icon filled={filled}>
      <path d="M12 20.5 4.2 12.6a5 5 0 0 1 7.1-7.1l.7.7.7-.7a5 5 0 0 1 7.1 7.1z" />
    </Icon>
  );
}

export function Home() {
  return (
    <Icon>
      <path d="M3 11 12 4l9 7M5.5 9.5V20h13V9.5" />
    </Icon>
  );
}

export function Plus() {
  return (
    <Icon>
      <rect x="3" y="5" width="18" height="14" rx="4" />
      <path d="M12 9v6M9 12h6" />
    </Icon>
  );
}

export function Bell() {
  return (
    <Icon>
      <path d="M6 16V10.5a6 6 0 0 1 12 0V16l1.5 2h-15zM10 21h4" />
    </Icon>
  );
}

export function Person() {
  return (
    <Icon>
      <circle cx="12" cy="8" r="4" />
      <path d="M4.5 20.5a7.5 7.5 0 0 1 15 0" />
    </Icon>
  );
}

export function Bubble() {
  return (
    <Icon>
      <path d="M4 5h16v11h-9l-4 4v-4H4z" />
    </Icon>
  );
}

export function Eye() {
  return (
    <Icon>
      <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z" />
      <circle cx="12" cy="12" r="2.5" />
    </Icon>
  );
}

export function Play() {
  return (
    <Icon filled>
      <path d="M7 4.5v15l12-7.5z" />
    </Icon>
  );
}
