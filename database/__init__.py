"""Pool, migrations, named SQL, embedded server: knows no medicine."""
