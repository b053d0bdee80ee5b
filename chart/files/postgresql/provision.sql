-- Creates the roles and the database and sets the passwords from the environment. Safe to repeat.
\set ON_ERROR_STOP on
SET log_min_error_statement = panic; -- do not log failed statements, which may contain a password

\getenv user DB_USER
\getenv password DB_PASSWORD
\getenv database DB_NAME
\getenv replication_password DB_REPLICATION_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', :'user')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" PASSWORD :'password';

SELECT 'CREATE ROLE replicator LOGIN REPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'replicator') \gexec
ALTER ROLE replicator PASSWORD :'replication_password';

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
