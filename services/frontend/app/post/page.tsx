import type { Metadata } from "next";

import { postVideo } from "@/app/actions/videos";
import { Form } from "@/components/form";
import { requireSession } from "@/lib/session/session";

export const metadata: Metadata = { title: "Post a video" };

export default async function Post() {
  await requireSession("/post");
  return (
    <section className="panel">
      <h1>Post a video</h1>
      <Form
        action={postVideo}
        submit="Post"
        fields={[
          { name: "title", label: "Title", autoComplete: "off" },
          { name: "url", label: "Address", type: "url", autoComplete: "off", hint: "Where the video is: a file such as .mp4 or .webm plays right here." },
          { name: "description", label: "Description (optional)", type: "textarea", required: false },
        ]}
      />
    </section>
  );
}
