"""Write the text of a notification in Chinese and English."""
