// What the gateway answers, in the names of its OpenAPI document.

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
  url: string; // without a host for a video that was posted with its content
  content_type: string; // of that content, else ""
  author: string; // the user's name
  created_at: string;
  // Not there while they cannot be told.
  likes?: number | undefined;
  comments?: number | undefined;
  views?: number | undefined;
  liked: boolean; // by who asks
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

/** A part of a list. Without next_cursor it is the last one. */
export interface Page<T> {
  items: T[];
  next_cursor?: string;
}
