"""What made the files that ship: `recipes.demo` and `recipes.spoken_word`. The product never imports it."""
