import type { Metadata } from "next";
import Link from "next/link";

import { login } from "@/app/actions/session";
import { Form } from "@/components/form";
import { back } from "@/lib/session/back";

export const metadata: Metadata = { title: "Log in" };

export default async function Login({ searchParams }: PageProps<"/login">) {
  const next = back((await searchParams).next);
  return (
    <section className="panel">
      <h1>Log in</h1>
      <Form
        action={login}
        submit="Log in"
        hidden={{ next }}
        fields={[
          { name: "email", label: "Email", type: "email", autoComplete: "email" },
          { name: "password", label: "Password", type: "password", autoComplete: "current-password" },
        ]}
      >
        <p className="aside">
          New here?{" "}
          <Link href={`/register?next=${encodeURIComponent(next)}`} prefetch={false}>
            Register
          </Link>
        </p>
      </Form>
    </section>
  );
}
