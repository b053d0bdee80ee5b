import type { Metadata, Viewport } from "next";
import Link from "next/link";
import type { ReactNode } from "react";

import "./globals.css";
import { logout } from "./actions/session";
import { Bell, Home, Person, Plus } from "@/components/icons";
import { Tab } from "@/components/tab";
import { signedIn } from "@/lib/session/session";

export const metadata: Metadata = {
  title: { default: "TikTok clone", template: "%s · TikTok clone" },
  description: "Short videos, the newest first.",
};

export const viewport: Viewport = {
  colorScheme: "light dark",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
    { media: "(prefers-color-scheme: dark)", color: "#121217" },
  ],
};

export default async function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <a className="skip" href="#main">
          Skip to content
        </a>
        <header className="bar">
          <div className="bar-inner">
            <Link href="/" prefetch={false} className="brand">
              <span aria-hidden="true" className="mark" />
              TikTok clone
            </Link>
            {(await signedIn()) ? <Member /> : <Guest />}
          </div>
        </header>
        <main id="main">{children}</main>
      </body>
    </html>
  );
}

function Member() {
  const links = [
    { href: "/", text: "Feed", icon: <Home /> },
    { href: "/post", text: "Post", icon: <Plus /> },
    { href: "/notifications", text: "Notifications", icon: <Bell /> },
    { href: "/profile", text: "Profile", icon: <Person /> },
  ];
  return (
    <>
      <nav aria-label="Main" className="tabs">
        {links.map(({ href, text, icon }) => (
          <Tab key={href} href={href}>
            {icon}
            <span>{text}</span>
          </Tab>
        ))}
      </nav>
      <form action={logout} className="out">
        <button className="button small quiet">Log out</button>
      </form>
    </>
  );
}

function Guest() {
  return (
    <nav aria-label="Main" className="guest">
      <Link href="/login" prefetch={false} className="button small quiet">
        Log in
      </Link>
      <Link href="/register" prefetch={false} className="button small">
        Register
      </Link>
    </nav>
  );
}
