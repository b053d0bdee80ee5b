import type { Metadata } from "next";
import Link from "next/link";

import { register } from "@/app/actions/session";
import { Form } from "@/components/form";
import { back } from "@/lib/session/back";

export const metadata: Metadata = { title: "Register" };

export default async function Register({ searchParams }: PageProps<"/register">) {
  const next = back((await searchParams).next);
  return (
    <section className="panel">
      <h1>Register</h1>
      <Form
        action={register}
        submit="Register"
        hidden={{ next }}
        fields={[
          { name: "username", label: "User name", autoComplete: "username", hint: "3 to 30 letters, digits, dots or underscores." },
          { name: "email", label: "Email", type: "email", autoComplete: "email" },
          { name: "password", label: "Password", type: "password", autoComplete: "new-password", hint: "8 to 128 characters." },
        ]}
      >
        <p className="aside">
          Have an account?{" "}
          <Link href={`/login?next=${encodeURIComponent(next)}`} prefetch={false}>
            Log in
          </Link>
        </p>
      </Form>
    </section>
  );
}
