// The gateway's responses, with the names of its OpenAPI document.

export interface User {
  id: string;
  username: string;
  email: string;
  created_at: string;
}

export interface Tokens {
  access_token: string;
  token_type: "Bearer";
  expires_in: number; // seconds
  refresh_token: string;
}

export interface Video {
  id: string;
  title: string;
  description: string;
  url: string; // relative if the video has content
  content_type: string; // of the content, or ""
  author: string; // the user's name
  created_at: string;
  // Undefined while interaction-service is unavailable.
  likes?: number | undefined;
  comments?: number | undefined;
  views?: number | undefined;
  liked: boolean; // by the viewer
}

export interface Comment {
  id: string;
  author: string;
  text: string;
  created_at: string;
}

export interface Notification {
  id: string;
  type: string; // liked or commented
  actor: string;
  video_id: string;
  video_title: string;
  created_at: string;
  read: boolean;
}

/** Page is a page of a list. The last one has no next_cursor. */
export interface Page<T> {
  items: T[];
  next_cursor?: string;
}
