"""What a teacher needs: a course's file, handing in, grades, the mistakes of a class, the forms of other graders."""
